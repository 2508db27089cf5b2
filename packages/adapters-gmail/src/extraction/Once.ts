/** Makes something when it is first asked for: an application that never asks does not wait for it as it starts. */
export const once = <A>(make: () => A): (() => A) => {
  let made: { readonly value: A } | undefined
  return () => (made ??= { value: make() }).value
}
