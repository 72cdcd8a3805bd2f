import { useEffect, useState } from 'preact/hooks'
import { Charts } from './charts.js'
import { chosenInAddress, keepInAddress, usual } from './chosen.js'
import { Configuration } from './configuration.js'
import { Field, hasField } from './field.js'
import { useLogs } from './logs.js'
import { RunList } from './run-list.js'
import { useRuns } from './runs.js'
import { Samples } from './samples.js'
import './style.css'
import { LinkNotice, Waiting } from './waiting.js'

/** Runs, side by side. */
export function Training() {
  const { runs: known, link } = useRuns()
  const runs = known ?? []
  const [chosen, setChosen] = useState(chosenInAddress)
  useEffect(() => {
    const follow = () => setChosen(chosenInAddress)
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  const shown = runs.filter(({ name }) => (chosen ?? usual(runs)).has(name))
  const logs = useLogs(shown)
  const choose = (names: ReadonlySet<string>) => {
    keepInAddress(names)
    setChosen(names)
  }
  if (runs.length === 0) return <Waiting link={link} isKnown={known !== undefined} />
  const withField = shown.filter(hasField)
  return (
    <>
      <LinkNotice link={link} />
      <div class="training">
        <RunList runs={runs} chosen={new Set(shown.map(({ name }) => name))} onChoose={choose} />
        <div class="views">
          {shown.length === 0 ? (
            <p class="card faint">Choose a run to see it.</p>
          ) : (
            <>
              <Charts runs={shown} logs={logs} />
              {withField.length > 0 && <Field runs={withField} />}
              <Samples runs={shown} />
              <Configuration runs={shown} />
            </>
          )}
        </div>
      </div>
    </>
  )
}
