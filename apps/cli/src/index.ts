export { rapport } from './program.js';
export type { Io } from './io.js';
export { exit, type ExitCode } from './failure.js';
export { mappingSchema, parseMapping, type Mapping } from './import/mapping.js';
