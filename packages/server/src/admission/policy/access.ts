// The authorizer as expressions ask it. Expressions cannot wait, authorizers may: an evaluation that meets a question without an
// answer is given up, and made again when the answer is there.
import type { cel } from '@tiphys/machinery';
import type { Authorizer, Decision } from '../../interfaces.ts';

/** Not a CelError: no operator absorbs it. */
class Unanswered {
  readonly settled: Promise<void>;
  constructor(settled: Promise<void>) {
    this.settled = settled;
  }
}

/** Answers once given stay for the request. */
export class AccessAnswers {
  readonly #authorizer: Authorizer;
  readonly #answers = new Map<string, cel.AccessAnswer>();

  constructor(authorizer: Authorizer) {
    this.#authorizer = authorizer;
  }

  readonly ask: cel.AskAccess = (question) => {
    const key = JSON.stringify(question);
    const known = this.#answers.get(key);
    if (known) return known;
    const decided = this.#decide(question);
    if (!(decided instanceof Promise)) {
      const answer = answerOf(decided);
      this.#answers.set(key, answer);
      return answer;
    }
    const settled = decided.then(
      (decision) => void this.#answers.set(key, answerOf(decision)),
      (error: Error) => void this.#answers.set(key, { allowed: false, reason: '', error: error.message }),
    );
    throw new Unanswered(settled);
  };

  #decide({ path, user, verb, fieldSelector, labelSelector, ...rest }: cel.AccessQuestion): Decision | Promise<Decision> {
    return this.#authorizer.authorize({
      user,
      verb,
      isResourceRequest: path === undefined,
      path: path ?? '',
      apiGroup: rest.group ?? '',
      apiVersion: path === undefined ? '*' : '',
      namespace: rest.namespace ?? '',
      resource: rest.resource ?? '',
      subresource: rest.subresource ?? '',
      name: rest.name ?? '',
      ...(fieldSelector ? { fieldSelector } : {}),
      ...(labelSelector ? { labelSelector } : {}),
    });
  }

  /** Runs an evaluation until all its questions are answered. */
  async settled<T>(evaluate: () => T): Promise<T> {
    for (;;) {
      try {
        return evaluate();
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        await error.settled;
      }
    }
  }
}

const answerOf = ({ decision, reason }: Decision): cel.AccessAnswer => ({ allowed: decision === 'allow', reason });
