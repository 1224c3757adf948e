//! Headers that only other systems have: what includes one of them unconditionally is never compiled for the target.
//!
//! Named are those that no library brings to Linux under the same path. `<io.h>` and `<process.h>` are left out, since projects
//! have headers of these names themselves.

/// Headers of Windows' SDK and C library, of Cygwin and X.org's wrapper of them, of OS/2, Solaris, AIX and Emscripten.
const HEADERS: &[&str] = &[
    "aclapi.h",
    "commctrl.h",
    "commdlg.h",
    "conio.h",
    "dbghelp.h",
    "emscripten.h",
    "iphlpapi.h",
    "kstat.h",
    "libperfstat.h",
    "libproc.h",
    "mswsock.h",
    "objbase.h",
    "os2.h",
    "psapi.h",
    "shellapi.h",
    "shlobj.h",
    "shlwapi.h",
    "shobjidl.h",
    "sys/cygwin.h",
    "tchar.h",
    "tlhelp32.h",
    "winbase.h",
    "wincon.h",
    "wincrypt.h",
    "windef.h",
    "windows.h",
    "windowsx.h",
    "winhttp.h",
    "wininet.h",
    "winioctl.h",
    "winnt.h",
    "winreg.h",
    "winsock.h",
    "winsock2.h",
    "winspool.h",
    "winsvc.h",
    "winternl.h",
    "winuser.h",
    "ws2tcpip.h",
    "x11/xwindows.h",
];

/// Folders of headers: the frameworks and the kernel of macOS, Android's and Emscripten's.
const FOLDERS: &[&str] = &[
    "AppKit",
    "ApplicationServices",
    "AudioToolbox",
    "AudioUnit",
    "Carbon",
    "Cocoa",
    "CoreAudio",
    "CoreFoundation",
    "CoreGraphics",
    "CoreMIDI",
    "CoreServices",
    "CoreVideo",
    "DiskArbitration",
    "Foundation",
    "IOKit",
    "OpenDirectory",
    "SystemConfiguration",
    "android",
    "emscripten",
    "mach",
    "mach-o",
];

/// Whether only another system has what `#include <…>` names. Windows' files have names without regard to case.
pub(super) fn is_elsewhere(path: &str) -> bool {
    let folder = path.split_once('/').map(|(folder, _)| folder);
    HEADERS.iter().any(|header| path.eq_ignore_ascii_case(header))
        || folder.is_some_and(|folder| FOLDERS.contains(&folder))
}
