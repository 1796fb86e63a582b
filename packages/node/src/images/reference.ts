// Image names (distribution/reference, pkg/util/parsers): which are valid, and the tag that is meant when none is given.

const NAME_PART = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const DOMAIN = '(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\\.(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?))*(?::[0-9]+)?';
const REFERENCE = new RegExp(
  `^((?:${DOMAIN}/)?${NAME_PART}(?:/${NAME_PART})*)(?::([\\w][\\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$`,
);

export class ImageNameError extends Error {
  override name = 'ImageNameError';
}

/** The name with `:latest` when it has neither tag nor digest. */
export function withDefaultTag(image: string): string {
  const match = REFERENCE.exec(image);
  if (!match || /^[0-9a-f]{64}$/.test(image)) {
    const why =
      REFERENCE.test(image.toLowerCase()) && image !== image.toLowerCase()
        ? 'repository name must be lowercase'
        : 'invalid reference format';
    throw new ImageNameError(`couldn't parse image name "${image}": ${why}`);
  }
  const [, , tag, digest] = match;
  return tag || digest ? image : `${image}:latest`;
}

/** With registry and repository spelled out, as containerd and CRI know it: `board/app:1` is `docker.io/board/app:1` (distribution reference). */
export function fullName(image: string): string {
  const [first = '', ...rest] = image.split('/');
  if (rest.length > 0 && (/[.:]/.test(first) || first === 'localhost')) return image;
  return rest.length === 0 ? `docker.io/library/${image}` : `docker.io/${image}`;
}

/** `docker.io/library/busybox` for `busybox:1`: the key under which credentials are found. */
export function repositoryOf(image: string): string {
  const [name] = image.split('@');
  return fullName(name!.replace(/:[\w][\w.-]*$/, ''));
}
