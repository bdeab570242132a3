export const HISTORY_TABLE = `
-- A metric's values on a day, for a block of consecutive numbers: blob holds what history.ts packs. subjects: names the set of subjects.
CREATE TABLE history (level VARCHAR, day INTEGER, metric VARCHAR, origin VARCHAR, as_of BIGINT, subjects VARCHAR, block INTEGER, blob INTEGER);
`;
