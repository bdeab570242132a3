import { exit } from '@rapport/errors';
import { count, table } from '../table.js';
import { requireWorkspace, withWorkspace } from '../workspace.js';
import type { Outcome, Session } from './outcome.js';

export async function plugins(session: Session): Promise<Outcome> {
  return withWorkspace(requireWorkspace(session.io, session.workspace), ({ engine }) => {
    const loaded = engine.plugins
      .map((plugin) => ({
        kind: plugin.kind,
        id: plugin.manifest.id,
        name: plugin.name,
        version: plugin.version,
        configHash: plugin.configHash,
        config: plugin.config,
        state: stateOf(plugin),
      }))
      .sort((a, b) => (a.kind + a.id < b.kind + b.id ? -1 : 1));
    const text = [
      table(
        ['Plugin', 'kind', 'version', '', 'package'],
        loaded.map((p) => [p.id, p.kind, p.version, p.state, p.name]),
      ),
    ];
    if (engine.refused.length > 0) {
      text.push('', `${count(engine.refused.length)} refused:`);
      for (const { name, code, message } of engine.refused) text.push(`  ${name}  ${code}\n    ${message}`);
    }
    return Promise.resolve({ json: { loaded, refused: engine.refused }, text: text.join('\n'), exitCode: exit.ok });
  });
}

function stateOf(plugin: {
  readonly kind: string;
  readonly enabled?: boolean;
  readonly configured?: boolean;
}): 'active' | 'off' | 'not configured' {
  if (plugin.kind === 'playbook' && plugin.enabled === false) return 'off';
  if (plugin.kind === 'action' && plugin.configured === false) return 'not configured';
  return 'active';
}
