import { section } from '../section.js';

export const importing = section({
  title: 'Importing',
  groups: [
    {
      lead: 'Codes of a line are counted in the report with line numbers, and the other lines are imported. The others stop the command.',
      codes: {
        RAPPORT_IMPORT_NO_FILE: {
          what: 'A file or folder is not there.',
          todo: 'Correct the path; `--data DIR` says where the data is.',
          exit: 'usage',
        },
        RAPPORT_IMPORT_NO_MAPPING: {
          says: 'the folder {folder} has no mapping.json; docs/import.md shows how to write one',
          what: 'The folder has no `mapping.json`.',
          todo: '[Write one](import.md).',
          exit: 'usage',
        },
        RAPPORT_IMPORT_CSV: {
          says: '{file} is CSV: name the mapping that says what its columns mean instead (docs/import.md), as in "rapport import my-mapping --data {folder}"',
          what: 'A CSV file was given without a mapping.',
          todo: 'Name the mapping instead, and the folder with `--data`.',
          exit: 'usage',
        },
        RAPPORT_IMPORT_NO_HEADER: {
          what: 'A CSV file is empty.',
          todo: 'Its first line must name the columns.',
        },
        RAPPORT_IMPORT_JSON: {
          what: 'A line is not JSON.',
          todo: 'Correct the line.',
        },
        RAPPORT_IMPORT_NOT_A_CALL: {
          what: 'A line is JSON, but not a call.',
          todo: 'It must be one object with a `type`.',
        },
        RAPPORT_IMPORT_COLUMNS: {
          what: 'A line has more or fewer cells than the header.',
          todo: 'Correct the line; look for an unquoted comma.',
        },
        RAPPORT_IMPORT_CSV_QUOTE: {
          what: 'A quoted cell is never closed, or goes on after its quote.',
          todo: 'Correct the line.',
        },
        RAPPORT_IMPORT_UTF8: {
          what: 'A line is not UTF-8.',
          todo: 'Convert the file.',
        },
        RAPPORT_IMPORT_LINE_TOO_LONG: {
          what: 'A line is too long.',
          todo: 'Split it, or look for an unclosed quote.',
        },
        RAPPORT_IMPORT_GZIP_TRUNCATED: {
          what: 'A gzip file ends too early.',
          todo: 'Fetch it again; what came before its end was imported.',
        },
        RAPPORT_IMPORT_EMPTY: {
          what: 'A cell that the mapping needs is empty.',
          todo: 'Fill it, or make it optional in the mapping.',
        },
        RAPPORT_IMPORT_VALUE: {
          what: 'A cell cannot be read as the mapping says.',
          todo: 'Correct the cell, or the mapping’s `as`.',
        },
        RAPPORT_IMPORT_LOOKUP: {
          what: 'A value is missing from the table that the mapping looks it up in.',
          todo: 'Complete the table.',
        },
        RAPPORT_IMPORT_KEY: {
          what: 'A key column is empty, so a second import could not recognise the row.',
          todo: 'Fill it, or choose other key columns.',
        },
        RAPPORT_MAPPING_JSON: {
          says: '{path} is not JSON: {reason}',
          what: 'The mapping is not JSON.',
          todo: 'Correct the place.',
          exit: 'configuration',
        },
        RAPPORT_MAPPING_INVALID: {
          what: 'The mapping is not valid.',
          todo: 'Correct the places that the message lists.',
          exit: 'configuration',
        },
        RAPPORT_MAPPING_COLUMN: {
          what: 'The mapping names a column that the file does not have.',
          todo: 'Correct the name; the message lists the columns.',
          exit: 'configuration',
        },
        RAPPORT_MAPPING_HEADER: {
          says: '{file} names the column "{column}" twice in its first line; rename one of them',
          what: 'The file names a column twice.',
          todo: 'Rename one.',
          exit: 'configuration',
        },
      },
    },
  ],
});
