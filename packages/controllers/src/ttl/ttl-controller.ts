// Tells kubelets how long to keep secrets and configMaps by the size of the cluster (pkg/controller/ttl/ttl_controller.go).
import { corev1 } from '@tiphys/api';
import { note, patch } from '../runtime/actions.ts';
import { defineController } from '../runtime/controller.ts';
import { annotationsOf, isDeleting, keyOf } from '../runtime/objects.ts';

const TTL_ANNOTATION = 'node.alpha.kubernetes.io/ttl';
const STEP = 'step';

/** Sizes overlap, so that a node more or less does not turn the answer back and forth. */
const STEPS = [
  { min: 0, max: 100, seconds: 0 },
  { min: 90, max: 500, seconds: 15 },
  { min: 450, max: 1000, seconds: 30 },
  { min: 900, max: 2000, seconds: 60 },
  { min: 1800, max: Number.POSITIVE_INFINITY, seconds: 300 },
] as const;

/** Sizes at which the step may change. */
const BOUNDARIES: ReadonlySet<number> = new Set(STEPS.flatMap(({ min, max }) => [min - 1, max + 1]));

/** The step for so many nodes when the last one was `step`. */
export function nextStep(step: number, nodes: number): number {
  let next = step;
  while (nodes > STEPS[next]!.max) next++;
  while (nodes < STEPS[next]!.min) next--;
  return next;
}

export const ttlController = defineController<corev1.Node>({
  name: 'ttl-controller',
  for: corev1.nodes,
  // A heartbeat changes nothing here; a change of size that matters wakes all nodes, below.
  triggers: (node, old) => !old || annotationsOf(old)[TTL_ANNOTATION] !== annotationsOf(node)[TTL_ANNOTATION],
  watches: [
    {
      type: corev1.nodes,
      keys: (_node, snapshot, { old }) => {
        const nodes = old ? [] : snapshot.list(corev1.nodes);
        return BOUNDARIES.has(nodes.length) ? nodes.map(keyOf) : [];
      },
    },
  ],
  plan({ object: node, list, note: noted }) {
    const step = nextStep((noted(STEP) as number | undefined) ?? 0, list(corev1.nodes).length);
    const seconds = String(STEPS[step]!.seconds);
    const remember = note(STEP, step);
    if (isDeleting(node) || Number(annotationsOf(node)[TTL_ANNOTATION] ?? Number.NaN) === Number(seconds)) return [remember];
    const body = { metadata: { annotations: { [TTL_ANNOTATION]: seconds } } };
    return [remember, patch(corev1.nodes, node, 'strategic', body, `it is one of ${list(corev1.nodes).length} nodes`)];
  },
});
