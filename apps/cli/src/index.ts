export { rapport } from './program.js';
export type { Io } from './io.js';
export { exit, type ExitCode } from '@rapport/errors';
export { mappingSchema, parseMapping, type Mapping } from './import/mapping.js';
