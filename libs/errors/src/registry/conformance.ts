import { section } from '../section.js';

export const conformance = section({
  title: 'Conformance of a metric, and of an operator',
  groups: [
    {
      lead: 'Found by `conformance` and `checkMetric`, and those of operators by `operatorConformance` and `checkOperator`, of [@rapport/testkit](../libs/testkit/README.md), and by `rapport plugin check`: each with a sentence that names metric and subject, and the smallest world in which it shows.',
      column: 'what was found',
      codes: {
        RAPPORT_CONFORMANCE_HOOK: {
          what: '`measures`, `uses`, `usesPortfolio`, `window` or `evidence` returns something that is not plain data, or other data when called again; a reducer is missing; `contributions` is not a table part. Of an operator: rules cannot use it.',
          todo: 'Build them with the SDK, from the configuration alone.',
        },
        RAPPORT_CONFORMANCE_THREW: {
          what: 'One of its functions threw.',
          todo: 'Return `noData(reason)` for what cannot be computed.',
        },
        RAPPORT_CONFORMANCE_INPUT: {
          what: 'It reads an input that its measures do not declare.',
          todo: 'Declare the measure, or do not read it.',
        },
        RAPPORT_CONFORMANCE_USES: {
          what: 'It reads a metric that `uses` or `usesPortfolio` does not name.',
          todo: 'Name it there.',
        },
        RAPPORT_CONFORMANCE_CHANGED: {
          what: 'It changes its inputs, its configuration, or something else that it was given.',
          todo: 'Read only.',
        },
        RAPPORT_CONFORMANCE_KEPT: {
          what: 'It keeps the rows of `portfolio`, which are one object refilled for each row.',
          todo: 'Copy the values that are needed.',
        },
        RAPPORT_CONFORMANCE_IMPURE: {
          what: 'It gives another answer when called again, after other subjects, or for the same subject under another name.',
          todo: 'Keep nothing between calls; start each fold from a new state.',
        },
        RAPPORT_CONFORMANCE_CLOCK: {
          what: 'It uses the clock or the machine’s time zone.',
          todo: 'Use `context.asOf` and `context.calendar`.',
        },
        RAPPORT_CONFORMANCE_CHANCE: {
          what: 'It uses random numbers.',
          todo: 'Do not use them.',
        },
        RAPPORT_CONFORMANCE_VALUE: {
          what: 'A value is not a finite number inside the declared range. Of an operator: it is neither true nor false.',
          todo: 'Return `noData(reason)`, or correct the formula or `range`.',
        },
        RAPPORT_CONFORMANCE_PART: {
          what: 'A part is not declared or of another type, or `n` is not a number of 0 or more.',
          todo: 'Declare it; give null where there is none.',
        },
        RAPPORT_CONFORMANCE_CONTRIBUTIONS: {
          what: 'The entries of the `contributions` table do not add up to the value, to the last digit.',
          todo: 'Make the value by adding them, with `addingUp` of the SDK.',
        },
        RAPPORT_CONFORMANCE_NO_DATA: {
          what: 'It has a value where nothing is known, or an unknown reason for having none.',
          todo: 'Return `noData` with `no-data`, `below-min-sample` or `pending`.',
        },
        RAPPORT_CONFORMANCE_ORDER: {
          what: 'The answer depends on the order in which calls arrive.',
          todo: 'If it shows on the oracle’s store: as `…_IMPURE`. On another store only: report it, it is a fault of the store.',
        },
        RAPPORT_CONFORMANCE_DUPLICATE: {
          what: 'The answer changes when calls arrive twice.',
          todo: 'The same.',
        },
        RAPPORT_CONFORMANCE_LATE: {
          what: 'The answer changes when calls arrive late.',
          todo: 'The same.',
        },
        RAPPORT_CONFORMANCE_FUTURE: {
          what: 'The answer changes with calls from `asOf` on.',
          todo: 'The same.',
        },
        RAPPORT_CONFORMANCE_INCREMENTAL: {
          what: 'Evaluating only what changed does not give the answers of a full evaluation.',
          todo: 'The same.',
        },
        RAPPORT_CONFORMANCE_STORE: {
          what: 'A store gives another answer than the oracle.',
          todo: 'Do not depend on the last digits of a sum; otherwise report it.',
        },
        RAPPORT_CONFORMANCE_ORACLE: {
          what: 'The metric gives another answer than the oracle of its test, or the operator another than its example.',
          todo: 'One of the two is wrong.',
        },
      },
    },
  ],
});
