/** What went wrong, where it did, and a button to try again. */
export function Notice({ text, again }: { text: string | undefined; again?: () => void }) {
  return (
    <div role="alert" class={text === undefined ? 'hidden' : 'notice'}>
      {text !== undefined && (
        <>
          <p>{text}</p>
          {again && (
            <button type="button" onClick={again}>
              Try again
            </button>
          )}
        </>
      )}
    </div>
  )
}
