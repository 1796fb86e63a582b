// Where in etcd the store's keys lie: `/registry/…` stands under kube-apiserver's --etcd-prefix, which is /registry too unless told.
import { invariant } from '@tiphys/std';

export const ROOT = '/registry/';
export const DEFAULT_PREFIX = '/registry';

export interface KeySpace {
  first: Uint8Array;
  /** The first key behind all of them. */
  end: Uint8Array;
  toEtcd(key: string): Uint8Array;
  fromEtcd(key: Uint8Array): string;
}

export function keySpace(prefix = DEFAULT_PREFIX): KeySpace {
  const folder = `${prefix.replace(/\/+$/, '')}/`;
  const first = Buffer.from(folder);
  const end = Buffer.from(folder);
  end[end.length - 1]! += 1;
  const isSame = folder === ROOT;
  return {
    first,
    end,
    toEtcd: (key) => {
      invariant(key.startsWith(ROOT), `${key} is not under ${ROOT}`);
      return Buffer.from(isSame ? key : folder + key.slice(ROOT.length));
    },
    fromEtcd: (key) => {
      const text = Buffer.from(key.buffer, key.byteOffset, key.length).toString();
      return isSame ? text : ROOT + text.slice(folder.length);
    },
  };
}
