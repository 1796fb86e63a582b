/** A refusal of the node's own HTTP server: plain text, as upstream's kubelet answers. */
export class HttpError extends Error {
  override name = 'HttpError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
