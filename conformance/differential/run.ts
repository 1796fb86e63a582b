// Episodes, one after the other in each of several lanes: an object comes, is changed and goes. The first difference ends an episode,
// since what follows from it says nothing new.
import { type Chance, chanceOf } from './chance.ts';
import { basePath, drawCreate, drawDelete, drawFirst, drawNext, STRATEGIC } from './episode.ts';
import type { Kind } from './seeds.ts';
import type { Server } from './server.ts';
import type { Step } from './step.ts';
import { cleanUp, RESTLESS, type Telling, telling, tellStep } from './tell.ts';

export interface Found {
  episode: number;
  kind: Kind;
  steps: readonly Step[];
  lines: readonly string[];
}

export interface Outcome {
  requests: number;
  /** Requests that the reference refused. */
  refused: number;
  found?: Found;
}

const STEPS_MAX = 9;

export interface EpisodeOptions {
  seed: number;
  episode: number;
  kinds: readonly Kind[];
  isAccepted(kind: Kind, line: string, after: After): boolean;
}

/** What an accepted difference may hang on. */
export interface After {
  /** The bodies of the episode up to here. */
  sent: readonly string[];
  /** The strategic merge patch that was answered. */
  patch: unknown;
}

/** From here on the objects are not the same, and what is accepted would come back in other words. */
const PARTS_OBJECTS = /^\/body\/metadata\/generation: /;

/** What a server wrote by itself has its own times: a change that is drawn from one's would be another to the other. */
function withoutOwnMoments({ resource }: Kind, object: Record<string, any> | undefined): Record<string, any> | undefined {
  if (!RESTLESS.test(resource) || !object?.status?.conditions) return object;
  const conditions = object.status.conditions.map(({ lastTransitionTime: _, ...condition }: Record<string, unknown>) => condition);
  return { ...object, status: { ...object.status, conditions } };
}

/** A patch may be no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const nameOf = (episode: number) => `e${episode}`;

class Episode {
  readonly steps: Step[] = [];
  readonly told: Telling;
  readonly options: EpisodeOptions;
  readonly kind: Kind;
  readonly chance: Chance;
  readonly seed: Record<string, any>;
  readonly outcome: Outcome = { requests: 0, refused: 0 };

  constructor(servers: readonly [Server, Server], options: EpisodeOptions) {
    this.options = options;
    this.chance = chanceOf(options.seed, options.episode);
    this.kind = options.kinds[options.episode % options.kinds.length]!;
    this.seed = this.chance.pick(this.kind.seeds);
    this.told = telling(servers, nameOf(options.episode));
  }

  get drawing() {
    return { chance: this.chance, kind: this.kind, seed: this.seed, object: withoutOwnMoments(this.kind, this.told.sides[0].object) };
  }

  /** False ends the episode. */
  async tell(step: Step): Promise<boolean> {
    this.steps.push(step);
    const { answers, lines } = await tellStep(this.told, step);
    this.outcome.requests++;
    if (answers[0].status >= 400) this.outcome.refused++;
    if (lines.length === 0) return true;
    const { sent } = this.told;
    const patch = step.contentType === STRATEGIC ? parsed(sent.at(-1)!) : undefined;
    const surprises = lines.filter((line) => !this.options.isAccepted(this.kind, line, { sent, patch }));
    if (surprises.length > 0)
      this.outcome.found = { episode: this.options.episode, kind: this.kind, steps: [...this.steps], lines: surprises };
    return surprises.length === 0 && answers[0].status === answers[1].status && !lines.some((line) => PARTS_OBJECTS.test(line));
  }

  async run(): Promise<Outcome> {
    const isAsked = !this.kind.verbs.includes('get');
    if (isAsked) {
      for (let i = 0; i < STEPS_MAX / 2; i++) if (!(await this.tell(drawCreate(this.drawing)))) break;
      return this.outcome;
    }
    await this.play();
    await cleanUp(this.told, basePath(this.drawing));
    return this.outcome;
  }

  async play(): Promise<void> {
    if (!(await this.tell(drawFirst(this.drawing)))) return;
    if (!this.drawing.object && !(await this.tell(drawCreate(this.drawing, false)))) return;
    for (let i = 0; i < STEPS_MAX && this.drawing.object; i++) if (!(await this.tell(drawNext(this.drawing)))) return;
    if (this.drawing.object) await this.tell(drawDelete(this.drawing));
  }
}

export const runEpisode = (servers: readonly [Server, Server], options: EpisodeOptions): Promise<Outcome> =>
  new Episode(servers, options).run();
