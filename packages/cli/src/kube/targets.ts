// The resources a command line names: `pods`, `pods,svc`, `pod web-0 web-1`, `pod/web-0 deploy/web` (cli-runtime resource/builder.go).
import { CommandError } from '../terminal.ts';
import type { ApiResource } from './discovery.ts';
import type { Session } from './session.ts';

export interface Target {
  resource: ApiResource;
  /** Without one, all that the selectors let through. */
  name?: string;
}

export interface Selection {
  allNamespaces?: boolean;
  selector?: string;
  fieldSelector?: string;
}

async function slashTarget(session: Session, arg: string): Promise<Target> {
  const parts = arg.split('/');
  if (parts.length !== 2) throw new CommandError(`arguments in resource/name form may not have more than one slash`);
  const [type, name] = parts as [string, string];
  if (type === '' || name === '') throw new CommandError(`arguments in resource/name form must have a single resource and name`);
  const resources = (await session.discovery()).named(type);
  if (resources.length > 1) throw new CommandError(`${JSON.stringify(type)} is not a resource but a category`);
  return { resource: resources[0]!, name };
}

export async function targetsOf(session: Session, args: readonly string[], selection: Selection = {}): Promise<Target[]> {
  const selected = Boolean(selection.selector || selection.fieldSelector);
  const refuse = () => {
    if (selected) throw new CommandError('name cannot be provided when a selector is specified');
    if (selection.allNamespaces) throw new CommandError('a resource cannot be retrieved by name across all namespaces');
  };
  if (args.some((arg) => arg.includes('/'))) {
    if (!args.every((arg) => arg.includes('/')))
      throw new CommandError(
        "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'tiphys get resource/<resource_name>' instead of 'tiphys get resource resource/<resource_name>'",
      );
    refuse();
    return Promise.all(args.map((arg) => slashTarget(session, arg)));
  }
  const [types = '', ...names] = args;
  const discovery = await session.discovery();
  const resources = types
    .split(',')
    .filter((word) => word !== '')
    .flatMap((word) => discovery.named(word));
  if (names.length === 0) return resources.map((resource) => ({ resource }));
  refuse();
  return resources.flatMap((resource) => names.map((name) => ({ resource, name })));
}

/** `pod`, `deployment.apps`: how kubectl names what it did something to. */
export function kindName(resource: { kind: string; group: string }): string {
  return resource.group === '' ? resource.kind.toLowerCase() : `${resource.kind.toLowerCase()}.${resource.group}`;
}
