import { parseTree, type Node } from 'jsonc-parser';

/** A place in text. Both count from 1; columns are UTF-16 code units, as in editors. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Gives the position of an offset in a text. Lines end with LF, CR LF or CR. */
export function positionsIn(text: string): (offset: number) => Position {
  const starts = [0, ...Array.from(text.matchAll(/\r\n|\n|\r/g), (end) => end.index + end[0].length)];
  return (offset) => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

/** The child of a JSON node under one token of a pointer; of a key that is there twice the last, as JSON.parse has it. */
function childOf(node: Node, token: string): Node | undefined {
  if (node.type === 'array') return /^(?:0|[1-9]\d*)$/.test(token) ? node.children?.[Number(token)] : undefined;
  return node.children?.findLast((property) => property.children?.[0]?.value === token)?.children?.[1];
}

/**
 * Where the values of a JSON text stand, by JSON Pointer. A pointer to what is not there gives the nearest place around it. The text is
 * parsed once, recursively: it must not nest thousands of levels deep (see `readDocument`).
 */
export function locator(text: string): (pointer: string) => Position {
  const at = positionsIn(text);
  const root = parseTree(text);
  return (pointer) => {
    let node = root;
    for (const token of pointer.split('/').slice(1)) {
      const child = node && childOf(node, token.replaceAll('~1', '/').replaceAll('~0', '~'));
      if (!child) break;
      node = child;
    }
    return at(node?.offset ?? 0);
  };
}

/** Where the value that a JSON Pointer names stands in a JSON text. For several pointers see `locator`. */
export const locate = (text: string, pointer: string): Position => locator(text)(pointer);
