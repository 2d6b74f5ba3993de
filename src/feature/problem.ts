/** What an editor shows beside a part of a declaration that does not compile. */
export interface Problem<Message extends string> {
  readonly problem: Message
}
