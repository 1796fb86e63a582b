// The record of claimed ports: a RangeAllocation whose data is one large number, most significant byte first, with a bit for each
// port from the range's first on (registry/core/service/allocator/bitmap.go).
import type { corev1 } from '@tiphys/api';

const rangeText = (first: number, last: number) => `${first}-${last}`;

/** None when the record is of another range: the Services say then what is taken. */
export function portsOfRecord(record: corev1.RangeAllocation | undefined, first: number, last: number): Set<number> {
  const ports = new Set<number>();
  if (record?.range !== rangeText(first, last)) return ports;
  const bytes = Buffer.from(record.data ?? '', 'base64');
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[bytes.length - 1 - i]!;
    for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) ports.add(first + 8 * i + bit);
  }
  return ports;
}

export function recordOfPorts(ports: ReadonlySet<number>, first: number, last: number): corev1.RangeAllocation {
  const bytes = Buffer.alloc(Math.ceil((last - first + 1) / 8));
  for (const port of ports) bytes[bytes.length - 1 - ((port - first) >>> 3)]! |= 1 << ((port - first) & 7);
  const start = bytes.findIndex((byte) => byte !== 0);
  const data = start === -1 ? '' : bytes.subarray(start).toString('base64');
  return { kind: 'RangeAllocation', apiVersion: 'v1', metadata: {}, range: rangeText(first, last), data };
}
