/**
 * The invite that the address of this page carries after its `#`, or null without a whole one. An
 * address has one `#`, so the invite's own is written as `/`.
 *
 * @param {string} fragment with its `#`
 * @returns {string | null}
 */
export function invite(fragment) {
  const [, carried] = /^#j\/1\/([\w-]{16,2000})$/.exec(fragment) ?? [];
  return carried ? `conclave:j/1#${carried}` : null;
}
