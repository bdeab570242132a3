import { DuckDBConnection } from '@duckdb/node-api';
import { openWorkspace } from '@rapport/host';
const log: [number, number, string][] = [];
const orig = DuckDBConnection.prototype.run;
const t00 = performance.now();
DuckDBConnection.prototype.run = async function (this: any, sql: string, ...rest: any[]) { const t = performance.now(); try { return await (orig as any).call(this, sql, ...rest); } finally { log.push([t - t00, performance.now() - t, sql]); } } as any;
const w = await openWorkspace(process.argv[2]);
for (let i = 0; i < 3; i++) {
  log.length = 0; const t = performance.now();
  const e = await w.engine.evaluate({ asOf: Date.parse('2025-01-01') });
  console.log('evaluate', (performance.now() - t) | 0, e.timings, 'sql', log.reduce((s, l) => s + l[1], 0) | 0, 'queries', log.length, 'rss', process.memoryUsage().rss / 1e6 | 0);
}
for (const [at, ms, sql] of log) if (ms > Number(process.argv[3] ?? 15)) console.log(ms.toFixed(0).padStart(5), sql.replace(/\s+/g, ' ').slice(0, 900), '\n');
await w.close();
