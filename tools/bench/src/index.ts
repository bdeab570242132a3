export { benchEvaluate } from './evaluate.js';
export { benchImport } from './import.js';
