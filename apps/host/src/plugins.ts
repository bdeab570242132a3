import { Router } from 'express';
import type { Engine, LoadedPlugin } from '@rapport/engine';
import { onlyMethods } from './problem.js';
import { onlyParameters } from './query.js';

function described(plugin: LoadedPlugin) {
  const { kind, name, version, manifest, config, configHash } = plugin;
  const common = { kind, id: manifest.id, name, version, config, configHash };
  switch (plugin.kind) {
    case 'metric': {
      const { title, description, source, unit, range, subjects } = plugin.definition;
      return { ...common, title, description, source, unit, range, subjects };
    }
    case 'segment':
      return { ...common, title: plugin.document.title, description: plugin.document.description ?? null };
    case 'playbook':
      return {
        ...common,
        title: plugin.document.title,
        description: plugin.document.description ?? null,
        enabled: plugin.enabled,
      };
    case 'operator': {
      const { name: operator, title, description, source, reading, value, words, examples } = plugin.definition;
      return { ...common, operator, title, description, source, reading, value, words, examples };
    }
    case 'action':
      return {
        ...common,
        title: plugin.definition.title,
        description: plugin.definition.description,
        configured: plugin.configured,
      };
  }
}

/** `GET /v1/plugins`: what is loaded, and what was refused and why. Secrets are masked by the engine. */
export function pluginRoutes(engine: Engine): Router {
  const router = Router();
  router
    .route('/')
    .get((request, response) => {
      onlyParameters(request);
      response.json({ plugins: engine.plugins.map(described), refused: engine.refused });
    })
    .all(onlyMethods('GET'));
  return router;
}
