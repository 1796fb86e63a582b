// The resources of the core group.
import type { BuiltInOptions } from '../built-in/options.ts';
import type { ResourceDefinition } from '../define-resource.ts';
import { pods } from './pods.ts';

export function coreDefinitions(_options: BuiltInOptions): ResourceDefinition<any>[] {
  return [pods];
}
