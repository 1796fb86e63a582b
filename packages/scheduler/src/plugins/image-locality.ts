// ImageLocality: nodes that have the pod's images already, unless only few have them (plugins/imagelocality).
import { type Plugin, SCORE_MAX, type Snapshot } from '../framework/plugin.ts';
import type { PodInfo } from '../world/infos.ts';

const MEBIBYTE = 1024 * 1024;
const IMAGE_BYTES_MIN = 23 * MEBIBYTE;
const CONTAINER_BYTES_MAX = 1000 * MEBIBYTE;

const normalizedImageName = (image: string): string => (image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image);

const imagesOf = ({ pod }: PodInfo): string[] =>
  [...(pod.spec!.initContainers ?? []), ...pod.spec!.containers].map(({ image }) => normalizedImageName(image ?? ''));

/** Share of the nodes that have the image, by image; undefined when none has any. */
function spreadOf(pod: PodInfo, snapshot: Snapshot): Map<string, number> | undefined {
  const spread = new Map<string, number>();
  for (const image of imagesOf(pod)) {
    const nodes = snapshot.imageNodes(image);
    if (nodes > 0) spread.set(image, nodes / snapshot.nodes.length);
  }
  return spread.size > 0 ? spread : undefined;
}

export const imageLocality: Plugin = {
  name: 'ImageLocality',
  weight: 1,
  events: {},
  // How widely an image is spread changes with every node; as part of the signature it makes old answers unreachable.
  signature: (pod, snapshot) => {
    const spread = spreadOf(pod, snapshot);
    return spread ? JSON.stringify([...spread, imagesOf(pod).length]) : '';
  },
  preScore: (pod, _feasible, snapshot) => {
    const spread = spreadOf(pod, snapshot);
    return spread && { spread, images: imagesOf(pod) };
  },
  score: (_pod, node, { spread, images }: { spread: ReadonlyMap<string, number>; images: readonly string[] }) => {
    let bytes = 0;
    for (const image of images) bytes += Math.floor((node.images.get(image) ?? 0) * (spread.get(image) ?? 0));
    const max = CONTAINER_BYTES_MAX * images.length;
    return Math.floor((SCORE_MAX * (Math.min(Math.max(bytes, IMAGE_BYTES_MIN), max) - IMAGE_BYTES_MIN)) / (max - IMAGE_BYTES_MIN));
  },
};
