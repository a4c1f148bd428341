export * from './index.js'
export { Trace as default } from './index.js'
