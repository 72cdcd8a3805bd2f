import type { ComponentChildren } from 'preact'
import { render } from 'preact'
import { useState } from 'preact/hooks'
import './style.css'
import { keepToken, useToken } from './token.js'

/** Shows a view as the page: its name beside the package's, and what it is made of. */
export function show(name: string, view: ComponentChildren): void {
  document.title = `${name} · pfgm-torch`
  render(<Shell name={name}>{view}</Shell>, document.body)
}

function Shell({ name, children }: { name: string; children: ComponentChildren }) {
  const { isWanted, token } = useToken()
  return (
    <>
      <header class="top">
        <p class="mark">pfgm-torch</p>
        <h1>{name}</h1>
      </header>
      <main>
        {isWanted && <TokenForm isOther={token !== undefined} />}
        {children}
      </main>
    </>
  )
}

function TokenForm({ isOther }: { isOther: boolean }) {
  const [text, setText] = useState('')
  const keep = (event: Event) => {
    event.preventDefault()
    if (text.trim() !== '') keepToken(text.trim())
  }
  return (
    <form class="card token" onSubmit={keep}>
      <label for="token">
        {isOther ? 'The service wants another token' : 'The service asks for a token'}
      </label>
      <input
        id="token"
        type="password"
        autocomplete="current-password"
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <button type="submit" class="primary">
        Use it
      </button>
      <p class="faint">It is kept in this tab alone.</p>
    </form>
  )
}
