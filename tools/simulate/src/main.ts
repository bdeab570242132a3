#!/usr/bin/env node
import { simulateCommand } from './command.js';

process.exitCode = await simulateCommand(process.argv.slice(2));
