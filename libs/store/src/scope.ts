import type { Filter, Measures, Node, Where } from '@rapport/sdk';

/** A part of the product: the events that belong to it. */
export interface Scope {
  /** Event names, any of them. Absent: every name. */
  readonly events?: readonly string[];
  readonly where?: Where;
}

/** The measures over a scope's events only: every filter is narrowed to it. Traits and profiles stay as they are. */
export const narrowMeasures = <M extends Measures>(measures: M, scope: Scope): M =>
  Object.fromEntries(Object.entries(measures).map(([name, node]: [string, Node]) => [name, narrow(node, scope)])) as M;

function narrow(node: Node, scope: Scope): Node {
  switch (node.node) {
    case 'trait':
    case 'profile':
      return node;
    case 'spans': {
      const { open, close, change } = node.spans;
      return {
        ...node,
        spans: {
          ...node.spans,
          open: within(open, scope),
          close: within(close, scope),
          ...(change ? { change: within(change, scope) } : {}),
        },
      };
    }
    case 'distinct':
    case 'series':
    case 'meanPerDay':
      return {
        ...node,
        filter: within(node.filter, scope),
        ...(node.qualifying ? { qualifying: node.qualifying.map((one) => ({ ...one, ...within(one, scope) })) } : {}),
      };
    default:
      return { ...node, filter: within(node.filter, scope) };
  }
}

/** The filter and the scope: an event must satisfy both. */
export function within(filter: Filter, { events, where }: Scope): Filter {
  const named =
    filter.events && events ? filter.events.filter((name) => events.includes(name)) : (filter.events ?? events);
  const conditions = [filter.where, where].filter((condition) => condition !== undefined);
  const [first, second] = conditions;
  return {
    ...(named ? { events: named } : {}),
    ...(first ? { where: second ? { all: [first, second] } : first } : {}),
  };
}
