// Fields of a pod as text, for environment and downward API files (pkg/fieldpath/fieldpath.go).
import type { corev1 } from '@tiphys/api';

const quoted = (value: string) => JSON.stringify(value);

/** One `key="value"` per line, sorted by key. */
export function formatMap(map: Record<string, string> | undefined): string {
  return Object.keys(map ?? {})
    .sort()
    .map((key) => `${key}=${quoted(map![key]!)}`)
    .join('\n');
}

const SUBSCRIPT = /^(metadata\.(?:annotations|labels))\['(.+)'\]$/;

export function fieldValue(pod: corev1.Pod, path: string): string {
  const { metadata = {} } = pod;
  const subscript = SUBSCRIPT.exec(path);
  if (subscript) {
    const map = subscript[1] === 'metadata.labels' ? metadata.labels : metadata.annotations;
    return map?.[subscript[2]!] ?? '';
  }
  switch (path) {
    case 'metadata.annotations':
      return formatMap(metadata.annotations);
    case 'metadata.labels':
      return formatMap(metadata.labels);
    case 'metadata.name':
      return metadata.name ?? '';
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    default:
      throw new Error(`unsupported fieldPath: ${path}`);
  }
}
