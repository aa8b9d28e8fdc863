// One crop as it is shown: its picture with the facing marked, where it stood in the photo, and why it is here.

const $ = (id) => document.getElementById(id);

const WHY = {
  corrected: 'Somebody in the field corrected this.',
  unknown: 'The phone knows no SKU that is enough like this.',
  low_margin: 'The phone could not tell two SKUs apart.',
  near_threshold: 'The phone was hardly sure that this is a container.',
  random: 'Picked at random, to see how sure the phone is rightly.',
};

/** Marks `rect` of a `width` x `height` picture on `mark`, in percent of it. */
function place(mark, [left, top, right, bottom], width, height) {
  mark.style.left = `${(100 * left) / width}%`;
  mark.style.top = `${(100 * top) / height}%`;
  mark.style.width = `${(100 * (right - left)) / width}%`;
  mark.style.height = `${(100 * (bottom - top)) / height}%`;
}

function rectangle(element, x, y, width, height) {
  for (const [name, value] of Object.entries({ x, y, width, height })) element.setAttribute(name, value);
}

/** Draws an item; its picture when it is there. */
export async function show(item, picture) {
  const image = $('crop');
  image.removeAttribute('src');
  image.alt = `A ${kind(item.container)} on a shelf`;
  $('stage').style.setProperty('--aspect', item.crop.width / item.crop.height);
  image.dataset.item = item.id;
  place($('facing'), item.crop.box, item.crop.width, item.crop.height);

  const { width, height, box } = item.photo;
  const [left, top, right, bottom] = box;
  $('photo-map').setAttribute('viewBox', `0 0 ${width} ${height}`);
  rectangle($('photo-outline'), 0, 0, width, height);
  rectangle($('photo-facing'), left, top, right - left, bottom - top);
  $('photo-map-title').textContent =
    `Where it stood in the photo: ${percent((left + right) / 2, width)} from the left, ${percent((top + bottom) / 2, height)} from the top`;

  $('why').textContent = WHY[item.reason] ?? item.reason;
  const tags = Object.entries(item.tags).map(([key, value]) => `${key}: ${value}`);
  const taken = new Date(item.captured_at).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
  const second = item.wanted > 1 ? ['a second opinion'] : [];
  $('facts').textContent = [kind(item.container), taken, ...second, ...tags].join(' · ');

  const address = await picture;
  if (image.dataset.item === item.id) image.src = address;
}

/** A container in words. */
export function kind(container) {
  return { unknown_container: 'container' }[container] ?? container;
}

function percent(part, whole) {
  return `${Math.round((100 * part) / whole)} %`;
}
