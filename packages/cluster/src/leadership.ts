// Controllers and scheduler work on one server at a time. A server alone on its store needs no lease.
import { type LeadershipOptions, type Part, whileLeading } from '@tiphys/client';

export interface LeadingOptions extends Pick<LeadershipOptions, 'client' | 'runtime' | 'identity'> {
  /** Other servers may be on the same store. */
  isShared: boolean;
}

/** How parts are started: at once, or where others could do the same, when this server leads. */
export function leading({ isShared, ...options }: LeadingOptions): (name: string, start: () => Part) => Part {
  return (name, start) => (isShared ? whileLeading({ ...options, name, start }) : start());
}
