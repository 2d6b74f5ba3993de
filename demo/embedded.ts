export { startEmbedded, type EmbeddedOptions, type EmbeddedServer } from '../src/embedded/start.ts'
