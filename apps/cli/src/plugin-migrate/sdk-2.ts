import { parse } from '@babel/parser';
import MagicString from 'magic-string';

/* What changes mechanically in a plugin's source from @rapport/sdk 1 to 2. What needs a person is told as a note. */

export interface Migrated {
  readonly text: string;
  /** What to do by hand: line (from 1) and a sentence. */
  readonly notes: readonly { readonly line: number; readonly sentence: string }[];
}

/** Functions that were renamed: old name to new. */
const renamed: Readonly<Record<string, string>> = {
  first: 'earliest',
  firstTime: 'earliestTime',
  lastTime: 'latestTime',
  previous: 'preceding',
  named: 'narrowedTo',
};

const paths: readonly (readonly [path: string, names: readonly string[]])[] = [
  ['survey', ['Survey', 'surveyOptions', 'surveyResponses', 'surveyComments']],
  ['subscription', ['Subscriptions', 'subscriptionOptions', 'mrrOption', 'monthlyRevenue', 'subscriptionSpans']],
  ['score', ['Component', 'missingOption', 'Missing', 'WeightedMean', 'weightedMean', 'addingUp', 'mustTotal100']],
];
/** Names that left the root: name to subpath. */
const moved = new Map(paths.flatMap(([path, names]) => names.map((name) => [name, path] as const)));

const byHand: Readonly<Record<string, string>> = {
  fold: 'build the reducer with fold(name, { initial, step, done }), list it in "folds", and measure with its over(filter, window).',
  Reducer: 'build the reducer with fold(name, { initial, step, done }); its types are inferred.',
};

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly loc: { readonly start: { readonly line: number } };
  readonly [key: string]: unknown;
}
const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';

/** Visits every node, parents first. */
function visit(node: Node, parent: Node | null, see: (node: Node, parent: Node | null) => void): void {
  see(node, parent);
  for (const value of Object.values(node))
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child, node, see);
}

const nameOf = (node: unknown): string | null =>
  isNode(node) && (node.type === 'Identifier' || node.type === 'StringLiteral')
    ? String(node['name'] ?? node['value'])
    : null;
const listOf = (value: unknown): readonly Node[] => (Array.isArray(value) ? value.filter(isNode) : []);

/** Whether an identifier names a thing of its own instead of the imported one: a property, a key. */
function isLabel(node: Node, parent: Node | null): boolean {
  switch (parent?.type) {
    case 'MemberExpression':
    case 'OptionalMemberExpression':
      return parent['property'] === node && parent['computed'] !== true;
    case 'ObjectProperty':
    case 'ObjectMethod':
    case 'ClassMethod':
    case 'ClassProperty':
    case 'TSPropertySignature':
    case 'TSMethodSignature':
      return parent['key'] === node && parent['computed'] !== true && parent['shorthand'] !== true;
    default:
      return false;
  }
}

/**
 * Migrates a source file that imports `@rapport/sdk` 1. One that does not is returned as it is. Throws a `SyntaxError` for a file that is not TypeScript.
 */
export function migrateSource(text: string): Migrated {
  if (!text.includes('@rapport/sdk')) return { text, notes: [] };
  const program = parse(text, { sourceType: 'module', plugins: ['typescript', 'explicitResourceManagement'] })
    .program as unknown as Node;
  const out = new MagicString(text);
  const notes: { line: number; sentence: string }[] = [];
  const note = (node: Node, sentence: string) => notes.push({ line: node.loc.start.line, sentence });

  const imports = listOf(program['body']).filter(
    (node) => node.type === 'ImportDeclaration' && nameOf(node['source']) === '@rapport/sdk',
  );
  /** Local names of what is imported, by the name that the SDK gives it. */
  const local = new Map<string, string>();
  for (const declaration of imports)
    for (const specifier of listOf(declaration['specifiers']))
      local.set(nameOf(specifier['imported']) ?? '*', nameOf(specifier['local']) ?? '');
  /** Imported names by what they are called here; one that is called otherwise here keeps its local name. */
  const imported = new Map([...local].filter(([name, called]) => name === called));

  /** Names that are in use here already, and mean something else. */
  const taken = new Set<string>();
  visit(program, null, (node, parent) => {
    if (node.type === 'Identifier' && !isLabel(node, parent) && !imported.has(String(node['name'])))
      taken.add(String(node['name']));
  });
  /** What something new of the SDK is called here. */
  const here = (name: string) => (taken.has(name) ? `sdk${name.charAt(0).toUpperCase()}${name.slice(1)}` : name);

  // The measure `last` has three arguments or more, the window one.
  const uses = { latest: false, window: false, narrowed: false };
  const exact = new Set<Node>();
  visit(program, null, (node, parent) => {
    if (parent?.type === 'ImportSpecifier') return;
    if (node.type === 'CallExpression') {
      const callee = node['callee'];
      const given = listOf(node['arguments']);
      const called = nameOf(callee);
      if (isNode(callee) && called === 'last' && imported.has('last')) {
        if (given.length >= 3) {
          out.overwrite(callee.start, callee.end, here('latest'));
          uses.latest = true;
        } else uses.window = true;
      }
      if (isNode(callee) && called === 'named' && imported.has('named')) {
        const [names] = given;
        if (names?.type === 'ArrayExpression' && listOf(names['elements']).length > 0) {
          out.overwrite(node.start, names.start, '{ events: ');
          out.overwrite(names.end, node.end, ' }');
          exact.add(callee);
        }
      }
      if (isNode(callee) && callee.type === 'MemberExpression' && nameOf(callee['property']) === 'post') {
        const of = callee['object'];
        const isHttp = isNode(of) && (nameOf(of) === 'http' || nameOf(of['property']) === 'http');
        const [, request] = given;
        if (isHttp && isNode(callee['property'])) {
          out.overwrite(callee['property'].start, callee['property'].end, 'fetch');
          if (request?.type === 'ObjectExpression') out.appendLeft(request.start + 1, " method: 'POST',");
          else note(node, 'give fetch the method: "POST"; without it, it is a GET.');
        }
      }
    }
    if (node.type !== 'Identifier' || isLabel(node, parent)) return;
    const name = String(node['name']);
    if (!imported.has(name)) return;
    if (byHand[name] !== undefined) note(node, byHand[name]);
    const next = renamed[name];
    if (next === undefined || exact.has(node)) return;
    if (name === 'named') uses.narrowed = true;
    if (parent?.type === 'ObjectProperty' && parent['shorthand'] === true) {
      if (parent['value'] === node) out.overwrite(node.start, node.end, `${name}: ${here(next)}`);
    } else out.overwrite(node.start, node.end, here(next));
  });

  for (const declaration of imports) {
    const root: string[] = [];
    const sub = new Map<string, string[]>();
    const isType = declaration['importKind'] === 'type';
    let whole = false;
    for (const specifier of listOf(declaration['specifiers'])) {
      if (specifier.type !== 'ImportSpecifier') {
        whole = true;
        note(declaration, 'name what is imported from @rapport/sdk, one by one, then migrate again.');
        continue;
      }
      const name = nameOf(specifier['imported']) ?? '';
      const called = nameOf(specifier['local']) ?? '';
      const as = (next: string) =>
        `${specifier['importKind'] === 'type' ? 'type ' : ''}${called !== name ? `${next} as ${called}` : here(next) === next ? next : `${next} as ${here(next)}`}`;
      const path = moved.get(name);
      if (path !== undefined) sub.set(path, [...(sub.get(path) ?? []), as(name)]);
      else if (name === 'last' && called === name) {
        if (uses.window || !uses.latest) root.push(as('last'));
        if (uses.latest) root.push(as('latest'));
      } else if (name === 'last') {
        root.push(as('last'));
        note(
          specifier,
          'the measure last(property, filter, window) is latest(…) now; the window is still last(length).',
        );
      } else if (name === 'named' && called === name) {
        if (uses.narrowed) root.push(as('narrowedTo'));
      } else root.push(as(renamed[name] ?? name));
    }
    if (whole) continue;
    const line = (names: readonly string[], path: string) => {
      if (names.length === 0) return [];
      const list = names.join(', ').length > 80 ? `{\n  ${names.join(',\n  ')},\n}` : `{ ${names.join(', ')} }`;
      return [`import ${isType ? 'type ' : ''}${list} from '@rapport/sdk${path}';`];
    };
    const lines = [...line(root, ''), ...[...sub].flatMap(([path, names]) => line(names, `/${path}`))];
    const before = listOf(declaration['specifiers']).map(({ start, end }) => text.slice(start, end));
    if (sub.size === 0 && root.join() === before.join()) continue;
    out.overwrite(declaration.start, declaration.end, lines.join('\n'));
  }
  return { text: out.toString(), notes };
}
