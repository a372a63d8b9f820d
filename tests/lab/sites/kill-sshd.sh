# Ends every sshd of a site, and so its connections; the programs that they were for go on. Run in the site.
for process in /proc/[0-9]*; do
    if [ "$(readlink "$process/exe")" = /usr/sbin/sshd ]; then kill -9 "${process#/proc/}"; fi
done 2>/dev/null
rm -f /run/sshd.pid
