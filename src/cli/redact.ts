/** Takes passwords out of what is printed, whoever wrote it: a driver's error, a statement of another session. */
export function redact(text: string): string {
  return text
    .replaceAll(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@'"]*):(?!password@)[^\s'"]*@/gi, '$1:***@')
    .replaceAll(/([?&]password=)[^&\s'"]+/gi, '$1***')
    .replaceAll(/(\bpassword\s*=?\s*)(E?'(?:[^']|'')*')/gi, "$1'***'")
}
