export { benchEvaluate } from './evaluate.js';
export { benchImport } from './import.js';
export { benchRules } from './rules.js';
