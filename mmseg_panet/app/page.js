// Gradio shows the name of a file that it refuses as HTML. Without a `<`, it
// is text.
() => {
  const safe = (files) => {
    const renamed = new DataTransfer();
    for (const file of files) {
      const name = file.name.replace(/</g, '_');
      renamed.items.add(
        name === file.name ? file : new File([file], name, {type: file.type}));
    }
    return renamed;
  };
  const isUnsafe = (files) => [...files].some((f) => /</.test(f.name));
  document.addEventListener('change', ({target}) => {
    if (target.type === 'file' && isUnsafe(target.files)) {
      target.files = safe(target.files).files;
    }
  }, true);
  document.addEventListener('drop', (event) => {
    if (!event.dataTransfer || !isUnsafe(event.dataTransfer.files)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    event.target.dispatchEvent(new DragEvent('drop', {
      bubbles: true, cancelable: true,
      dataTransfer: safe(event.dataTransfer.files)}));
  }, true);
  // A reload starts over.
  window.addEventListener('beforeunload', (event) => {
    if (document.querySelector('#gallery img')) event.preventDefault();
  });
}
