import type { RunSummary } from '../../watch/answers.js'
import { useAnswer } from '../shell/answer.js'
import { Notice } from '../shell/notice.js'
import { ask } from '../shell/service.js'
import { colourOf } from './colours.js'
import { runAddress } from './logs.js'
import { type Row, rowsOf } from './settings.js'

/** The settings of runs: those that differ, and those that they share. */
export function Configuration({ runs }: { readonly runs: readonly RunSummary[] }) {
  const key =
    runs.length === 0 ? undefined : JSON.stringify(runs.map(({ name, id, steps }) => [name, id, steps]))
  const { value, error, again } = useAnswer(key, (signal) =>
    Promise.all(
      runs.map(async ({ name }) => {
        const config: unknown = await (await ask(runAddress(name, 'config'), { signal })).json()
        return { name, config }
      }),
    ),
  )
  const names = value?.map(({ name }) => name) ?? []
  const rows = rowsOf(value?.map(({ config }) => config) ?? [])
  const different = rows.filter(({ isShared }) => !isShared)
  const shared = rows.filter(({ isShared }) => isShared)
  return (
    <section class="card" aria-labelledby="settings">
      <h2 id="settings">Settings</h2>
      <Notice text={error} again={again} />
      {names.length > 1 &&
        (different.length > 0 ? (
          <SettingsTable caption="What differs" names={names} rows={different} />
        ) : (
          <p class="faint">The runs have the same settings.</p>
        ))}
      {shared.length > 0 && (
        <details>
          <summary>{names.length > 1 ? `${shared.length} settings that they share` : 'All settings'}</summary>
          <SettingsTable caption="" names={names.slice(0, 1)} rows={shared} />
        </details>
      )}
    </section>
  )
}

interface TableProps {
  readonly caption: string
  readonly names: readonly string[]
  readonly rows: readonly Row[]
}

function SettingsTable({ caption, names, rows }: TableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is to be reached by keys
    <section class="wide" aria-label={caption || 'Shared settings'} tabIndex={0}>
      <table>
        {caption !== '' && <caption class="faint">{caption}</caption>}
        <thead>
          <tr>
            <th scope="col">Setting</th>
            {caption === '' ? (
              <th scope="col">Value</th>
            ) : (
              names.map((name) => (
                <th scope="col" key={name}>
                  <span class={`dot ${colourOf(name)}`} /> {name}
                </th>
              ))
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ setting, values }) => (
            <tr key={setting}>
              <th scope="row">{setting}</th>
              {names.map((name, i) => (
                <td key={name}>{values[i]}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
