# fish completion for macvlanctl(1)

function __macvlanctl_networks
    for file in /etc/macvlan.d/*.toml /run/macvlan.d/*.toml /usr/lib/macvlan.d/*.toml
        string replace --regex '.*/(.*)\.toml$' '$1' $file
    end
end

set -l verbs status plan apply try check wait doctor adopt arp schema show
complete -c macvlanctl -f
complete -c macvlanctl -s h -l help -d 'Print a short help'
complete -c macvlanctl -n "not __fish_seen_subcommand_from $verbs" -l version -d 'Print the version'
complete -c macvlanctl -n "not __fish_seen_subcommand_from $verbs" -a status -d 'Show every network as the daemon saw it last'
complete -c macvlanctl -n "not __fish_seen_subcommand_from $verbs" -a plan -d 'Show what the daemon would change now'
complete -c macvlanctl -n "not __fish_seen_subcommand_from $verbs" -a apply -d 'Have the daemon do it, and wait'
complete -c macvlanctl -n "not __fish_seen_subcommand_from $verbs" -a try -d 'Try a file, gone again unless confirmed'
complete -c macvlanctl -n "not __fish_seen_subcommand_from $verbs" -a check -d 'Check files, without touching anything'
complete -c macvlanctl -n "not __fish_seen_subcommand_from $verbs" -a wait -d 'Wait until networks are ready'
complete -c macvlanctl -n "not __fish_seen_subcommand_from $verbs" -a doctor -d 'Find out why a network does not work'
complete -c macvlanctl -n "not __fish_seen_subcommand_from $verbs" -a show -d 'Show what hangs on what'
complete -c macvlanctl -n "not __fish_seen_subcommand_from $verbs" -a arp -d 'Show which MAC the LAN sees for each address'
complete -c macvlanctl -n "not __fish_seen_subcommand_from $verbs" -a schema -d 'Print the JSON Schema of a file, for editors'
complete -c macvlanctl -n "not __fish_seen_subcommand_from $verbs" -a adopt -d 'Write files for what was made by hand'
complete -c macvlanctl -n "__fish_seen_subcommand_from $verbs" -l json -d 'Print JSON'
complete -c macvlanctl -n '__fish_seen_subcommand_from apply try wait' -l timeout -x -d 'Give up after seconds'
complete -c macvlanctl -n '__fish_seen_subcommand_from status' -l watch -d 'Follow it live'
complete -c macvlanctl -n '__fish_seen_subcommand_from status wait doctor' -a '(__macvlanctl_networks)'
complete -c macvlanctl -n '__fish_seen_subcommand_from try' -l keep -d 'Enter alone is a yes'
complete -c macvlanctl -n '__fish_seen_subcommand_from check try' -F
complete -c macvlanctl -n '__fish_seen_subcommand_from check' -l host -x -d 'Read files as that host does'
complete -c macvlanctl -n '__fish_seen_subcommand_from check' -l fleet -x -a '(__fish_complete_directories)' -d 'Show that no two hosts hand out one address'
complete -c macvlanctl -n '__fish_seen_subcommand_from adopt' -l output -x -a '(__fish_complete_directories)' -d 'Write the files there'
complete -c macvlanctl -n '__fish_seen_subcommand_from adopt' -l shim -d 'Let a shim count at once'
complete -c macvlanctl -n '__fish_seen_subcommand_from adopt' -l compose -r -F -d 'Take networks of Compose'
complete -c macvlanctl -n '__fish_seen_subcommand_from adopt' -l inspect -r -F -d 'Take what Docker told'
complete -c macvlanctl -n '__fish_seen_subcommand_from arp' -l probe -d 'Ask the LAN for every address'
complete -c macvlanctl -n '__fish_seen_subcommand_from arp' -l range -x -d 'Probe these addresses only'
complete -c macvlanctl -n '__fish_seen_subcommand_from arp' -l rate -x -d 'Probes in a second'
complete -c macvlanctl -n '__fish_seen_subcommand_from arp' -a '(__macvlanctl_networks)'
complete -c macvlanctl -n '__fish_seen_subcommand_from show' -l svg -r -F -d 'Write a picture there'
