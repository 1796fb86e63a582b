// What a machine that joined keeps in its data folder, beside keys and certificates: enough to go on without a token.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationError } from '../configuration.ts';
import { type DataFolder, writeFileAtomically } from '../data-folder.ts';

export interface Membership {
  /** The server's URL. */
  server: string;
  /** Of the cluster's other servers, as they were last. */
  servers?: string[];
  nodeName: string;
  /** At which other machines reach this one; undefined: the local address of its way to the server. */
  nodeAddress?: string;
  /** The cluster's authority, PEM. */
  authority: string;
  /** The range that the node's network was made with. */
  nodeCidr?: string;
}

const fileOf = (folder: DataFolder) => join(folder.path, 'joined.json');

/** undefined when no machine joined from this folder. */
export function readMembership(folder: DataFolder): Membership | undefined {
  const path = fileOf(folder);
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Membership;
  } catch (error) {
    throw new ConfigurationError(`${path} can't be read: ${(error as Error).message}. Remove ${folder.path} and join with a new token`);
  }
}

export function keepMembership(folder: DataFolder, membership: Membership): void {
  writeFileAtomically(fileOf(folder), `${JSON.stringify(membership, undefined, 2)}\n`, 0o600, true);
}

/** The configuration of a server that joined. */
export const joinedServerFile = (folder: DataFolder): string => join(folder.path, 'server.yaml');

/** A folder is a cluster's or a joined machine's. */
export function refuseCluster(folder: DataFolder): void {
  if (existsSync(folder.database) || existsSync(join(folder.path, 'etcd.json')))
    throw new ConfigurationError(`${folder.path} holds a cluster of its own. Join with another folder: --data-dir DIR`);
}

export function refuseJoined(folder: DataFolder): void {
  const membership = readMembership(folder);
  if (!membership) return;
  throw new ConfigurationError(
    `${folder.path} is that of a node of ${membership.server}. Start it with: tiphys server join --data-dir ${folder.path}, or take another folder with --data-dir`,
  );
}
