import ts from 'typescript';

/** `@scope/name` or `name` of what an import asks for; null for relative paths, `#subpaths` and Node's own modules. */
export function packageOf(specifier: string): string | null {
  if (/^(\.|#|node:|file:|data:)/.test(specifier)) return null;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Names of the packages that a TypeScript source imports, statically, dynamically or for types only. */
export function importedPackages(text: string): Set<string> {
  const names = ts.preProcessFile(text, true, true).importedFiles.map((file) => packageOf(file.fileName));
  return new Set(names.filter((name) => name !== null));
}

export interface Codes {
  /** Error codes and environment variables that the source spells out. */
  readonly whole: ReadonlySet<string>;
  /** Codes put together at run time, which nobody can look up. */
  readonly pieced: ReadonlySet<string>;
}

const codes = /\bRAPPORT_[A-Z0-9]+(?:_[A-Z0-9]+)*(?![A-Z0-9_])/g;

/** `code.startsWith('RAPPORT_STORE')` is about an area, not a code. */
const isPrefixTest = ({ expression }: ts.CallExpression) =>
  ts.isPropertyAccessExpression(expression) && expression.name.text === 'startsWith';

/** Words like `RAPPORT_AREA_NAME` in the strings, templates and names of a TypeScript source; comments do not count. */
export function codesIn(path: string, text: string): Codes {
  const whole = new Set<string>();
  const pieced = new Set<string>();
  const visit = (node: ts.Node, inType = false): void => {
    if (ts.isCallExpression(node) && isPrefixTest(node)) return;
    if (ts.isStringLiteral(node) || ts.isTemplateLiteralToken(node) || ts.isIdentifier(node)) {
      for (const [code] of node.text.matchAll(codes)) whole.add(code);
    }
    // As a type, `RAPPORT_AREA_${string}` only says which codes there may be.
    if ((ts.isTemplateHead(node) || ts.isTemplateMiddle(node)) && !inType) {
      const open = /\bRAPPORT_[A-Z0-9_]*_$/.exec(node.text);
      if (open) pieced.add(`${open[0]}\${…}`);
    }
    ts.forEachChild(node, (child) => visit(child, inType || ts.isTemplateLiteralTypeNode(node)));
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest));
  return { whole, pieced };
}
