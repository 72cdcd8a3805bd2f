import { useEffect, useId, useState } from 'preact/hooks'

/** A seed, with buttons for the one before, the next and any. */
export function SeedField({
  name,
  seed,
  choose,
}: {
  name: string
  seed: number
  choose: (seed: number) => void
}) {
  const id = useId()
  const [text, setText] = useState(String(seed))
  useEffect(() => setText(String(seed)), [seed])
  const isWrong = !isSeed(text)
  return (
    <div class="setting">
      <label for={id}>{name}</label>
      <div class="seed">
        <button
          type="button"
          aria-label={`${name}: the one before`}
          disabled={seed === 0}
          onClick={() => choose(seed - 1)}
        >
          ‹
        </button>
        <input
          id={id}
          type="text"
          inputMode="numeric"
          autocomplete="off"
          value={text}
          aria-invalid={isWrong}
          onInput={({ currentTarget: { value } }) => {
            setText(value)
            if (isSeed(value)) choose(Number(value))
          }}
          onBlur={() => setText(String(seed))}
        />
        <button
          type="button"
          aria-label={`${name}: the next`}
          disabled={seed === Number.MAX_SAFE_INTEGER}
          onClick={() => choose(seed + 1)}
        >
          ›
        </button>
        <button type="button" onClick={() => choose(Math.floor(Math.random() * 1e6))}>
          Random
        </button>
      </div>
    </div>
  )
}

const isSeed = (text: string): boolean => /^\d+$/.test(text) && Number.isSafeInteger(Number(text))
