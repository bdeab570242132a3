export { benchEvaluate } from './evaluate.js';
