//! Image folders: `train/<class>/*` and `test/<class>/*` or `val/<class>/*`, on the disk or in a tar archive.

use super::error::{At, DataError};
use super::picture;
use super::split::{IMAGE_BYTES, Raw, Split};
use super::tree::Tree;

/// Reads both splits, of each (train, test) no more images than `limits`. Classes are the sorted names of the folders in
/// `train`; an empty one keeps its place. Images come in turns, the first of each class, then the second of each, so that
/// a limited number of images is balanced.
pub(super) fn read(tree: &Tree, limits: (Option<u32>, Option<u32>)) -> Result<Raw, DataError> {
    let root = root(tree)?;
    let mut raw = Raw::default();
    let train = format!("{root}train");
    raw.class_names =
        tree.children(&train)?.into_iter().filter(|(name, folder)| *folder && !is_junk(name)).map(|c| c.0).collect();
    if raw.class_names.is_empty() {
        return Err(DataError::format(&tree.name(&train), At::File, "no class folders"));
    }
    let test = ["test", "val"].map(|name| format!("{root}{name}")).into_iter().find(|path| tree.contains(path));
    let test = test.ok_or_else(|| DataError::format(&tree.name(&root), At::File, "neither `test` nor `val` in it"))?;
    for (name, is_folder) in tree.children(&test)? {
        if is_folder && !is_junk(&name) && !raw.class_names.contains(&name) {
            let rule = format!("class `{name}` has no folder in `train`");
            return Err(DataError::format(&tree.name(&test), At::File, rule));
        }
    }
    raw.train = split(tree, &train, &raw.class_names, limits.0, &mut raw.remarks)?;
    raw.test = split(tree, &test, &raw.class_names, limits.1, &mut raw.remarks)?;
    Ok(raw)
}

/// The folder that holds `train`: the top, or the only folder in it (archives often have one). Empty, or with its `/`.
fn root(tree: &Tree) -> Result<String, DataError> {
    if tree.contains("train") {
        return Ok(String::new());
    }
    let mut inside = tree.children("")?.into_iter().filter(|(_, folder)| *folder).map(|(name, _)| format!("{name}/"));
    inside
        .find(|prefix| tree.contains(&format!("{prefix}train")))
        .ok_or_else(|| DataError::format(&tree.name(""), At::File, "no folder `train` in it"))
}

fn split(
    tree: &Tree,
    folder: &str,
    class_names: &[String],
    limit: Option<u32>,
    remarks: &mut Vec<String>,
) -> Result<Split, DataError> {
    let mut classes = Vec::with_capacity(class_names.len());
    let mut ignored = 0;
    for name in class_names {
        let path = format!("{folder}/{name}");
        let children = if tree.contains(&path) { tree.children(&path)? } else { Default::default() };
        let all = children.len();
        let images: Vec<String> =
            children.into_iter().filter(|(name, folder)| !folder && is_image(name)).map(|(name, _)| name).collect();
        ignored += all - images.len();
        if images.is_empty() {
            remarks.push(format!("{} holds no image; the class keeps its label", tree.name(&path)));
        }
        classes.push(images.into_iter().map(move |image| format!("{path}/{image}")).collect::<Vec<_>>());
    }
    let longest = classes.iter().map(Vec::len).max().unwrap_or(0);
    let turns = (0..longest).flat_map(|turn| classes.iter().map(move |paths| paths.get(turn)).enumerate());
    let most = limit.map_or(usize::MAX, |limit| limit as usize);
    let images: Vec<(usize, &String)> = turns.filter_map(|(label, path)| Some((label, path?))).take(most).collect();
    let mut out = Split::default();
    let mut resized = 0;
    for part in decode(tree, &images) {
        let (pixels, other_size) = part?;
        out.pixels.extend(pixels);
        resized += other_size;
    }
    out.labels = images.iter().map(|(label, _)| *label as i64).collect();
    let name = tree.name(folder);
    if ignored > 0 {
        remarks.push(format!("{name}: ignored {ignored} entries that are no JPEG or PNG files by their names"));
    }
    if resized > 0 {
        remarks.push(format!("{name}: {resized} of {} images were scaled to 32x32", out.len()));
    }
    Ok(out)
}

/// Pixels of runs of `images`, in order, and how many were scaled; decoded by as many threads as there are cores.
fn decode(tree: &Tree, images: &[(usize, &String)]) -> Vec<Result<(Vec<u8>, usize), DataError>> {
    let run = |images: &[(usize, &String)]| {
        let mut pixels = Vec::with_capacity(images.len() * IMAGE_BYTES);
        let mut resized = 0;
        for (_, path) in images {
            let (planes, other_size) = picture::planes(&picture::decode(&tree.read(path)?, &tree.name(path))?);
            pixels.extend(planes);
            resized += usize::from(other_size);
        }
        Ok((pixels, resized))
    };
    let failed = || DataError::format(&tree.name(""), At::File, "the decoder failed on one of its images");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let length = images.len().div_ceil(threads).max(1);
        let runs: Vec<_> = images.chunks(length).map(|chunk| scope.spawn(move || run(chunk))).collect();
        runs.into_iter().map(|run| run.join().unwrap_or_else(|_| Err(failed()))).collect()
    })
}

/// Hidden files and what desktops leave behind.
fn is_junk(name: &str) -> bool {
    name.starts_with('.') || name == "Thumbs.db" || name == "__MACOSX"
}

fn is_image(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
    !is_junk(name) && matches!(extension.as_deref(), Some("jpg" | "jpeg" | "png"))
}
