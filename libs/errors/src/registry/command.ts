import { section } from '../section.js';

export const command = section({
  title: 'The command',
  exit: 'usage',
  groups: [
    {
      lead: 'The exit code is in [cli.md](cli.md).',
      codes: {
        RAPPORT_USAGE: {
          what: 'The command line is not valid.',
          todo: 'Run `rapport --help`, or `rapport COMMAND --help`.',
        },
        RAPPORT_WORKSPACE_MISSING: {
          what: 'There is no workspace here.',
          todo: '`rapport init` makes one; `--workspace DIR` names another.',
          exit: 'configuration',
        },
        RAPPORT_WORKSPACE_EXISTS: {
          says: '{path} is there already; nothing was changed',
          what: 'There is a workspace here already; it was left alone.',
          todo: 'Choose another folder.',
        },
        RAPPORT_WORKSPACE_JSON: {
          says: '{path} is not JSON: {reason}',
          what: 'An example’s workspace file is not JSON.',
          todo: 'Correct the place.',
          exit: 'configuration',
        },
        RAPPORT_ACCOUNT_NOT_FOUND: {
          what: 'The latest run knows no such account.',
          todo: 'Check the id: it is compared exactly.',
          exit: 'notFound',
        },
        RAPPORT_SEGMENT_NOT_FOUND: {
          what: 'There is no such segment.',
          todo: '`rapport segments` lists them.',
          exit: 'notFound',
        },
        RAPPORT_CLI_DEMO_WORKSPACE: {
          says: 'demo makes a workspace of its own and takes no --workspace; leave it out, or fill yours with "rapport import"',
          what: '`rapport demo` was given a workspace; it makes its own.',
          todo: 'Leave `--workspace` out, or use `rapport import` to fill yours.',
        },
        RAPPORT_DEV_BUILD: {
          what: 'The compiler ended while `rapport dev` was watching.',
          todo: 'The message says what it told; look at `tsconfig.json`.',
          exit: 'configuration',
        },
        RAPPORT_DEV_PLUGIN: {
          what: 'The folder given to `rapport dev` has no plugin package.',
          todo: 'Name the folder of one, or write one with `rapport plugin new`.',
        },
        RAPPORT_DEV_TYPESCRIPT: {
          what: 'The plugin has a `tsconfig.json`, but no TypeScript is installed where it is.',
          todo: 'Run `npm install` there.',
          exit: 'configuration',
        },
        RAPPORT_CLI_UNEXPECTED: {
          what: 'This is a fault of Rapport.',
          todo: 'Set `RAPPORT_DEBUG=1`, and report what it prints.',
          exit: 'unexpected',
        },
      },
    },
  ],
});
