export { simulateCommand } from './command.js';
