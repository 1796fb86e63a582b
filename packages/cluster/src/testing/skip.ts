// Why an end-to-end test with real containers can't run here.
import { runProgram } from '@tiphys/network';
import { obstacles } from '../nodes/runtime-choice.ts';

/** A reason to skip, or false. One machine has room for one cluster with real containers, and a person's comes first. */
export async function skipWithoutContainers(): Promise<string | false> {
  const problems = obstacles();
  if (problems.length > 0) return `real containers are not possible here: ${problems.join('; ')}`;
  const bridge = await runProgram('ip', ['link', 'show', 'tiphys0']).catch(() => '');
  return bridge === '' ? false : 'another cluster with real containers runs on this machine (the bridge tiphys0 is there)';
}
