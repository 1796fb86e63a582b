// The resources of the core group.
import type { BuiltInOptions } from '../built-in/options.ts';
import type { ResourceDefinition } from '../define-resource.ts';
import { pods } from './pods.ts';
import { services } from './services.ts';

export function coreDefinitions(options: BuiltInOptions): ResourceDefinition<any>[] {
  return [pods, services(options)];
}
