import type { Node, Window } from '@rapport/sdk';
import { startOfUnit, type Zone } from '@rapport/sdk/time';
import type { MeasureNode, ResolvedMeasure, ResolvedWindow } from './plan.js';

/** Fixes a window's days for one `asOf` (epoch ms) in a zone. D, the last day, holds the last instant before `asOf`. */
export function resolveWindow(window: Window, asOf: number, zone: Zone): ResolvedWindow {
  const today = zone.dayOf(asOf - 1);
  const days = (from: number | null, to: number): ResolvedWindow => ({
    kind: 'days',
    from,
    to,
    start: from === null ? null : Math.min(asOf, zone.startOfDay(from)),
    end: to >= today ? asOf : zone.startOfDay(to + 1),
  });
  switch (window.kind) {
    case 'last':
      return days(today - window.days + 1, today);
    case 'preceding':
      return days(today - 2 * window.days + 1, today - window.days);
    case 'calendar': {
      const from = startOfUnit(today, window.unit, window.offset);
      return days(from, Math.min(today, startOfUnit(today, window.unit, window.offset + 1) - 1));
    }
    case 'complete': {
      // Whether a unit is over is said by the instant itself, not by the day before it.
      const running = zone.dayOf(asOf);
      const next = startOfUnit(running, window.unit, 1 - window.back);
      return days(startOfUnit(running, window.unit, -window.back), Math.min(today, next - 1));
    }
    case 'lifetime':
      return days(null, today);
    case 'firstDays':
      return { kind: 'sinceTrait', trait: window.since.trait, days: window.days };
    case 'before': {
      const of = resolveWindow(window.of, asOf, zone);
      if (of.kind !== 'days')
        throw new TypeError('RAPPORT_SDK_WINDOW: startOf and endOf take a window of fixed days, not firstDays');
      if (window.edge === 'end') return days(null, of.to);
      if (of.from === null)
        throw new TypeError('RAPPORT_SDK_WINDOW: a lifetime has no start; startOf takes a window that begins on a day');
      return days(null, Math.min(today, of.from - 1));
    }
  }
}

/** The measure with its window fixed. */
export function resolveMeasure(node: MeasureNode, asOf: number, zone: Zone): ResolvedMeasure {
  if (node.node === 'trait') return node;
  return { ...node, window: resolveWindow(node.window, asOf, zone) };
}

export const isFold = (node: Node): node is Extract<Node, { node: 'fold' }> => node.node === 'fold';
