// Settings from the command line: `-c gpu.family=g6` stands for `settings.gpu.family = 'g6'`.

import type { Settings } from '../settings';

type Group = Record<string, unknown>;

/** The settings with what the context says of them. The type of the value in `settings` decides how a text is read. */
export function overrideSettings(settings: Settings, context: Record<string, unknown>): Settings {
  const result = structuredClone(settings);
  const groups = result as unknown as Record<string, unknown>;
  for (const [key, given] of Object.entries(context)) {
    const [first, second, ...rest] = key.split('.');
    if (first === undefined || !(first in groups)) continue;
    const isGroup = typeof groups[first] === 'object';
    if (isGroup !== (second !== undefined) || rest.length > 0) {
      throw new Error(`-c ${key}: there is no such setting (see settings.ts)`);
    }
    const [group, name] = second === undefined ? [groups, first] : [groups[first] as Group, second];
    // Tags have names of the user's choice.
    if (!(name in group) && first !== 'tags') throw new Error(`-c ${key}: there is no such setting (see settings.ts)`);
    group[name] = parse(key, String(given), group[name]);
  }
  return result;
}

function parse(key: string, text: string, before: unknown): unknown {
  if (Array.isArray(before)) return text.split(',').map((part) => part.trim()).filter((part) => part !== '');
  if (typeof before === 'number') {
    const number = Number(text);
    if (text.trim() === '' || Number.isNaN(number)) throw new Error(`-c ${key}=${text}: must be a number`);
    return number;
  }
  if (typeof before === 'boolean') {
    if (text !== 'true' && text !== 'false') throw new Error(`-c ${key}=${text}: must be true or false`);
    return text === 'true';
  }
  return text;
}
