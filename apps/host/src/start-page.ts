import type { Latest } from './latest.js';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

const PAGES: readonly (readonly [string, string])[] = [
  ['/v1/accounts?limit=20', 'accounts with their metrics'],
  ['/v1/segments', 'segments and how many are in each'],
  ['/v1/portfolio', 'the portfolio as a whole'],
  ['/v1/portfolio?by=plan', 'the portfolio by plan'],
  ['/v1/goals', 'how far the goals are'],
  ['/v1/plugins', 'plugins, loaded and refused'],
  ['/v1/health', 'health'],
  ['/v1/ready', 'readiness'],
];

/** `GET /`: what there is, for a person with a browser. */
export function startPage(workspace: string, latest: Latest | null, exampleAccount: string | null): string {
  const links = [
    ...PAGES,
    ...(exampleAccount === null
      ? []
      : [
          [
            `/v1/accounts/${encodeURIComponent(exampleAccount)}`,
            'one account, with everything known about it',
          ] as const,
        ]),
  ];
  const state =
    latest === null
      ? 'Nothing has been evaluated yet.'
      : `Run ${latest.run.number}, as of ${new Date(latest.run.asOf).toISOString()}.`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rapport: ${escaped(workspace)}</title>
<h1>Rapport: ${escaped(workspace)}</h1>
<p>${escaped(state)}</p>
<ul>
${links.map(([url, what]) => `<li><a href="${escaped(url)}">${escaped(url)}</a> ${escaped(what)}</li>`).join('\n')}
<li><code>POST /v1/batch</code> takes events in the Segment spec’s shapes</li>
</ul>
</html>
`;
}
