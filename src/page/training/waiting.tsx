import type { KnownRuns } from './runs.js'

const ENDED = 'The process that showed this page has ended. What it trained is shown by: npx pfgm-torch ui'

/** That there is no news any more, where that is so. */
export function LinkNotice({ link }: Pick<KnownRuns, 'link'>) {
  return (
    <div role="status" class={link === 'open' ? 'hidden' : 'ended'}>
      {link === 'ended' && ENDED}
      {link === 'lost' && 'The process that shows this page does not answer; it is asked again and again.'}
    </div>
  )
}

/** What there is to see before there is a run. */
export function Waiting({ isKnown, link }: Pick<KnownRuns, 'link'> & { readonly isKnown: boolean }) {
  return (
    <>
      <LinkNotice link={link} />
      <section class="card">
        <h2>{isKnown ? 'No runs yet' : 'Looking for runs …'}</h2>
        <p class="faint">
          {isKnown
            ? 'A run appears here as soon as it begins: npx pfgm-torch train digits'
            : 'They are shown as soon as they are found.'}
        </p>
      </section>
    </>
  )
}
