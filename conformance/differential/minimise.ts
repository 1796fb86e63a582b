// Makes a story smaller as long as it still ends with the same difference: fewer requests, fewer edits, fewer fields.
import type { Server } from './server.ts';
import { applyEdit, type Body, type Path, type Step } from './step.ts';
import { cleanUp, telling, tellStep } from './tell.ts';

const TRIALS_MAX = 120;
let trials = 0;

/** Tells the steps of a fresh object. Returns the lines of the first difference. */
export async function tellStory(
  servers: readonly [Server, Server],
  base: string,
  steps: readonly Step[],
  name?: string,
): Promise<string[]> {
  const told = telling(servers, name ?? `m${trials++}${process.pid}`);
  try {
    for (const step of steps) {
      const { lines } = await tellStep(told, step);
      if (lines.length > 0) return lines;
    }
    return [];
  } finally {
    await cleanUp(told, base);
  }
}

/** Places of a document that it may do without, the large ones first. */
function removable(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  const keys = Array.isArray(value) ? value.map((_, i) => i).reverse() : Object.keys(value);
  const own = path.length === 0 ? [] : keys.map((key) => [...path, key]);
  const inner = keys.flatMap((key) => removable((value as Record<string | number, unknown>)[key], [...path, key]));
  return [...own, ...inner].sort((a, b) => a.length - b.length);
}

function smallerBodies(body: Body): Body[] {
  if ('text' in body) return [];
  if ('current' in body) return body.current.map((_, i) => ({ current: body.current.filter((__, j) => i !== j) }));
  const edits = body.edits ?? [];
  const smaller: Body[] = edits.map((_, i) => ({ value: body.value, edits: edits.filter((__, j) => i !== j) }));
  for (const path of removable(body.value)) smaller.push({ value: applyEdit(structuredClone(body.value), { op: 'remove', path }), edits });
  return smaller;
}

function* smallerStories(steps: readonly Step[]): Generator<Step[]> {
  for (let i = steps.length - 2; i >= 0; i--) yield steps.filter((_, j) => j !== i);
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i]!;
    for (const body of step.body ? smallerBodies(step.body) : []) yield steps.map((each, j) => (j === i ? { ...each, body } : each));
  }
}

const sameDifference = (lines: readonly string[], wanted: string) => lines[0]?.split(':')[0] === wanted.split(':')[0];

export async function minimise(
  servers: readonly [Server, Server],
  base: string,
  steps: readonly Step[],
  line: string,
): Promise<readonly Step[]> {
  let best = steps;
  let left = TRIALS_MAX;
  for (let again = true; again && left > 0; ) {
    again = false;
    for (const candidate of smallerStories(best)) {
      if (left-- <= 0) break;
      if (!sameDifference(await tellStory(servers, base, candidate), line)) continue;
      best = candidate;
      again = true;
      break;
    }
  }
  return best;
}
